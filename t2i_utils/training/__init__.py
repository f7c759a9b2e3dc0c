"""Everything that trains is an ordered list of turns: the loop, averages, optimisers and checkpoints."""

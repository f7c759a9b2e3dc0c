"""What `python -m t2i_utils COMMAND` does, a module a kind of work.

Torch is imported by those that need it, when they run.
"""

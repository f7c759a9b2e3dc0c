"""Networks, one file a paper. They know nothing of losses, optimisers or devices."""

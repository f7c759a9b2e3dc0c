"""Files on a mounted Drive, for the next machine."""

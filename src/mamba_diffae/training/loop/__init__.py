"""The loop that every phase shares: steps, checkpoints, several processes, what the user sees."""

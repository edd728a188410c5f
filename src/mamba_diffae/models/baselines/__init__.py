"""Networks to compare with: without a latent, without a prior."""

"""What a training step sees: fields in their order, observations, targets, latents."""

"""Layers: embeddings, scan orders, Mamba blocks, attention. They know only tensors."""

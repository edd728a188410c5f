"""Layers: embeddings, scan orders, Mamba blocks, attention. They take tensors and a geometry."""

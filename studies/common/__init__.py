"""What several studies share: training of candidates, the store of models, a workbench, tables."""

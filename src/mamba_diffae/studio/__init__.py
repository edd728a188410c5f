"""The studio: a page on which a person observes a field, and sees what a model makes of it."""

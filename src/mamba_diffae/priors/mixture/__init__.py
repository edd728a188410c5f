"""A mixture of kriging, a library of training fields, and those most like the observations."""

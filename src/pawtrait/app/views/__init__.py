"""The pages, a function each."""

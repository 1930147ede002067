"""Pawtrait reads the mood in a pet's face, paints its portrait, and keeps its models fresh."""

__version__ = "0.1.0"

"""The demo's paintings, painted by our own code: five manners, each with its works."""

from pawtrait.dataset.demo.paintings.gallery import MANNERS, paint, painting, titles

__all__ = ["MANNERS", "paint", "painting", "titles"]

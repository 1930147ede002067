"""How the service fares: what drifts, what people say, what breaks; rows in, a page out."""

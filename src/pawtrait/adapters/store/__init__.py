"""What people and the service say: requests, feedback, reviews, decisions; in SQLite or PostgreSQL."""

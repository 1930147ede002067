"""What is fast, how fast, and beside whom: ``python -m benchmarks`` prints one table and judges nothing."""

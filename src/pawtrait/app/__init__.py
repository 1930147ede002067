"""The web app for pet owners, reviewers and operators; it speaks to the service and to nothing else."""

-- Run once, when the volume is empty: one database each for MLflow, Prefect and feedback, owned by the one role.
CREATE DATABASE mlflow;
CREATE DATABASE prefect;
CREATE DATABASE feedback;

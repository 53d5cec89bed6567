"""The Docker engine and the containers in which programs run."""

"""The Docker engine and the containers that programs run in."""

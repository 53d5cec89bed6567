"""Decides whether an output is right: by comparison on the host, by a checker program, or by an interactor."""

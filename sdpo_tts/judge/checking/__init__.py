"""Whether an output is right: compared on the host, by a checker program, or by an interactor."""

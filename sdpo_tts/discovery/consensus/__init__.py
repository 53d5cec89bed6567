"""Which of several programs that pass the samples is proposed, where there are no held-out tests to tell."""

"""The learning step: losses, teachers, the learner and what it measures."""

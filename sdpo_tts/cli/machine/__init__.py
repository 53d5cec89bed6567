"""Commands on the machine: doctor, model, version."""

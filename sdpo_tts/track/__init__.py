"""Sends a run's metrics to a tracker: TensorBoard, Weights & Biases, or Trackio. All are optional."""

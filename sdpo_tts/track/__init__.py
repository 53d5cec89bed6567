"""A run's figures in somebody's tracker: TensorBoard, Weights & Biases, or Trackio. All of them are optional."""

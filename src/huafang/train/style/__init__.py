"""How networks learn style: pictures to learn from, what alike means in a trained network's features, and a task for each sort of network."""

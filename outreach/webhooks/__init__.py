"""What providers call: each request is checked against its sender's secret before anything is read."""

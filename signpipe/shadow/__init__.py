"""Shadow mode: what signpipe would have told the car, beside what the driver did and what the map says."""

"""Speed against physical limits and other methods, every side measured in the same run."""

"""What a job tells while it runs: events gathered from all jobs of a worker and sent to Redis in few round trips."""

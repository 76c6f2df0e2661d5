"""Bedrock invocation logs: read from files, S3 or CloudWatch and imported, each call once."""

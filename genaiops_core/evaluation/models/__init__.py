"""Language models behind APIs: Amazon Bedrock, OpenAI-compatible servers, AgentCore evaluators. Judges and targets use them."""

output "queue_url" {
  description = "URL of the queue, for the controller's chart value externalSecrets.eventQueues."
  value       = aws_sqs_queue.this.url
}

output "queue_arn" {
  description = "ARN of the queue, for the policy that lets the controller receive."
  value       = aws_sqs_queue.this.arn
}

output "dead_letter_queue_arn" {
  description = "ARN of the dead-letter queue."
  value       = aws_sqs_queue.dead.arn
}

output "event_patterns" {
  description = "Patterns of the rules, by what they announce, in JSON."
  value       = { for name, pattern in local.patterns : name => jsonencode(pattern) }
}

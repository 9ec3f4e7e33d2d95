resource "aws_s3_bucket" "logs" {
  # checkov:skip=CKV2_AWS_62:Nothing reacts to a new log file.
  # checkov:skip=CKV_AWS_18:The bucket has the access logs of the load balancer. A log of their readers would need another bucket.
  # checkov:skip=CKV_AWS_144:Access logs expire and are not worth a copy in another region.
  # checkov:skip=CKV_AWS_21:Log files are never changed.
  # checkov:skip=CKV_AWS_145:Load balancers cannot write with a key of KMS.
  count = var.access_log_days > 0 ? 1 : 0

  bucket = "${var.name}-alb-logs-${local.account}"
  tags   = var.tags
}

resource "aws_s3_bucket_public_access_block" "logs" {
  count = var.access_log_days > 0 ? 1 : 0

  bucket                  = aws_s3_bucket.logs[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# Load balancers cannot write with a key of KMS.
resource "aws_s3_bucket_server_side_encryption_configuration" "logs" {
  count = var.access_log_days > 0 ? 1 : 0

  bucket = aws_s3_bucket.logs[0].id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  count = var.access_log_days > 0 ? 1 : 0

  bucket = aws_s3_bucket.logs[0].id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {}

    expiration {
      days = var.access_log_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

resource "aws_s3_bucket_policy" "logs" {
  count = var.access_log_days > 0 ? 1 : 0

  bucket = aws_s3_bucket.logs[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Deliver"
        Effect    = "Allow"
        Principal = { Service = "logdelivery.elasticloadbalancing.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "arn:${local.partition}:s3:::${aws_s3_bucket.logs[0].bucket}/public/AWSLogs/${local.account}/*"
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account }
          ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:elasticloadbalancing:${local.region}:${local.account}:loadbalancer/*" }
        }
      },
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = ["arn:${local.partition}:s3:::${aws_s3_bucket.logs[0].bucket}", "arn:${local.partition}:s3:::${aws_s3_bucket.logs[0].bucket}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })

  depends_on = [aws_s3_bucket_public_access_block.logs]
}

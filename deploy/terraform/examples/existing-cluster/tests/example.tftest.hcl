# Mocks do not know ephemeral resources, so this runs on the stubs themselves.
override_data {
  target = data.aws_eks_cluster.this
  values = {
    arn                   = "arn:aws:eks:eu-central-1:123456789012:cluster/demo"
    endpoint              = "https://example.org"
    certificate_authority = [{ data = "QQ==" }]
  }
}
override_resource {
  target = module.events.aws_sqs_queue.this
  values = {
    arn = "arn:aws:sqs:eu-central-1:123456789012:secret-changes"
    url = "https://sqs.eu-central-1.amazonaws.com/123456789012/secret-changes"
  }
}
override_resource {
  target = module.events.aws_sqs_queue.dead
  values = { arn = "arn:aws:sqs:eu-central-1:123456789012:secret-changes-dead" }
}
override_resource {
  target = module.controller_role.aws_eks_pod_identity_association.this
  values = { association_id = "a-1" }
}

run "controller_gets_queue_and_role" {
  assert {
    condition = yamldecode(module.controller.values[0]) == {
      externalSecrets = { eventQueues = [{ url = "https://sqs.eu-central-1.amazonaws.com/123456789012/secret-changes" }] }
      podAnnotations  = { "mtk.mytomorrows.com/pod-identity-association" = "a-1" }
    }
    error_message = "The controller must receive events, and wait for its role."
  }
}

region = "eu-west-1"
app_secrets = {
  PORT = 5432
  RATE = 1.50
  MOTD = <<-EOT
    hello
  EOT
}
other = { X = "1" }

//! What the controller counts about AWS and ExternalSecrets.

pub mod external;

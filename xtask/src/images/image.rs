//! The images that we build.

use clap::ValueEnum;

/// The version of all our crates, and the tag of the images.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// One of our images.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Image {
    /// mtk-controller
    Controller,
    /// mtk-seal
    Cli,
    /// mtk-app, of deploy/app
    App,
}

impl Image {
    pub(super) fn name(self) -> &'static str {
        match self {
            Image::Controller => "mtk-controller",
            Image::Cli => "mtk-seal",
            Image::App => "mtk-app",
        }
    }

    /// Of no registry. With a shorter name, Kubernetes would look for the image in a public
    /// registry.
    pub(super) fn reference(self) -> String {
        format!("localhost/{}:{VERSION}", self.name())
    }
}

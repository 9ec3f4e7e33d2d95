//! The arguments of the commands that edit SealedSecrets in place.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};
use manifests::Path;
use sealing::Scope;

use super::shared::{
    ClusterArgs, EnvironmentArgs, KeyArgs, OptionalKeyArgs, ProjectArgs, SourceFormat,
};
use crate::names;

#[derive(Debug, Subcommand)]
pub(crate) enum ItemsArgs {
    /// Seal one value and put it into a SealedSecret file, in place
    #[command(after_help = SET_EXAMPLES)]
    Set(SetArgs),
    /// Remove items from a SealedSecret file, in place
    #[command(after_help = UNSET_EXAMPLES)]
    Unset(UnsetArgs),
    /// Rename an item of a SealedSecret file, in place, without its value
    #[command(after_help = RENAME_EXAMPLES)]
    Rename(RenameArgs),
    /// Seal many values and put them into a SealedSecret file, in place
    #[command(after_help = MERGE_EXAMPLES)]
    Merge(MergeArgs),
    /// Edit the items of a SealedSecret file in $VISUAL or $EDITOR, in place
    #[command(after_help = EDIT_EXAMPLES)]
    Edit(EditArgs),
}

const EDIT_EXAMPLES: &str = "\
Examples:
  mtk-seal edit sealed.yaml                              # blanks to fill in
  mtk-seal edit sealed.yaml --key keys.yaml              # shows the values
  EDITOR='code --wait' mtk-seal edit values.yaml --path '$.app.secrets.encryptedData'

If the editor fails, nothing changes, and the exit status is 1.";

const SET_EXAMPLES: &str = "\
Examples:
  mtk-seal set DB_PASSWORD sealed.yaml                   # asks for the value
  pwgen -s 40 1 | tr -d '\\n' | mtk-seal set DB_PASSWORD sealed.yaml
  mtk-seal set tls.key sealed.yaml --from-file tls.key
  mtk-seal set TOKEN values.yaml --path '$.app.secrets.encryptedData'";

const UNSET_EXAMPLES: &str = "\
Examples:
  mtk-seal unset OLD_TOKEN sealed.yaml
  mtk-seal unset A B sealed.yaml --dry-run";

const RENAME_EXAMPLES: &str = "\
Examples:
  mtk-seal rename DB_PASS DB_PASSWORD sealed.yaml";

const MERGE_EXAMPLES: &str = "\
Examples:
  mtk-seal merge secrets.env sealed.yaml
  kubectl create secret generic app --from-file=a.crt --dry-run=client -o yaml | mtk-seal merge - sealed.yaml";

pub(super) const RE_ENCRYPT_EXAMPLES: &str = "\
Examples:
  kubectl get secret -n kube-system -l sealedsecrets.bitnami.com/sealed-secrets-key -o yaml > keys.yaml
  mtk-seal re-encrypt --key keys.yaml deploy/
  mtk-seal re-encrypt --key old.key --key new.key --cert new.crt sealed.yaml

A file that fails stays as it is, and the others are done. The exit status is that of the failures, or 1 if
they differ.";

#[derive(ClapArgs, Debug)]
pub(crate) struct SetArgs {
    /// Key of the item
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
    /// File with the SealedSecret
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Read the value from this file, byte for byte, instead of a prompt or the standard input
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub(crate) from_file: Option<PathBuf>,
    /// The value itself. INSECURE: other users see it in `ps`, and the shell keeps it in its history
    #[arg(long, value_name = "VALUE", conflicts_with = "from_file", help_heading = "Input")]
    pub(crate) insecure_value: Option<String>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) sealing: SealingArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct UnsetArgs {
    /// Keys of the items to remove
    #[arg(value_name = "KEY", required = true)]
    pub(crate) keys: Vec<String>,
    /// File with the SealedSecret
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct RenameArgs {
    /// Key of the item
    #[arg(value_name = "OLD")]
    pub(crate) from: String,
    /// New key of the item
    #[arg(value_name = "NEW")]
    pub(crate) to: String,
    /// File with the SealedSecret
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct MergeArgs {
    /// File with the values; `-` reads the standard input
    #[arg(value_name = "VALUES")]
    pub(crate) values: PathBuf,
    /// File with the SealedSecret
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Format of the values [default: detected from the file name or content]
    #[arg(long, value_enum, value_name = "SOURCE", help_heading = "Input")]
    pub(crate) from: Option<SourceFormat>,
    /// Terraform variable with the values [default: `app_secrets`]
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    pub(crate) tfvar: Option<String>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) sealing: SealingArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct EditArgs {
    /// File with the SealedSecret
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) keys: OptionalKeyArgs,
    /// Allow the values to be written to a disk while the editor runs, if there is no file system in memory
    #[arg(long)]
    pub(crate) insecure_disk: bool,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) sealing: SealingArgs,
}

/// Which items of the file.
#[derive(ClapArgs, Debug)]
#[command(next_help_heading = "Place")]
pub(crate) struct PlaceArgs {
    /// Name of the SealedSecret, if the file has several, or none with a name
    #[arg(long, value_parser = names::object)]
    pub(crate) name: Option<String>,
    /// Namespace of the SealedSecret, if the file has several, or none with a namespace
    #[arg(short, long, value_parser = names::namespace)]
    pub(crate) namespace: Option<String>,
    /// Scope of the items, if the file does not state it: strict, namespace-wide or cluster-wide
    #[arg(long)]
    pub(crate) scope: Option<Scope>,
    /// Mapping with the items in any YAML or JSON, such as $.app.secrets.encryptedData
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<Path>,
    /// Print what would change, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// How to seal.
#[derive(ClapArgs, Debug)]
pub(crate) struct SealingArgs {
    /// Certificate: a PEM file or an https URL
    #[arg(long, value_name = "FILE|URL", env = "MTK_SEAL_CERT", help_heading = "Certificate")]
    pub(crate) cert: Option<String>,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) environment: EnvironmentArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

#[derive(ClapArgs, Debug)]
pub(crate) struct ReEncryptArgs {
    /// Files with SealedSecrets, and directories: all .yaml, .yml and .json files below them
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) keys: KeyArgs,
    /// Seal items again that are sealed for the newest key
    #[arg(long)]
    pub(crate) all: bool,
    /// Print what would change, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Name that the items were sealed for, if a file has none
    #[arg(long, value_parser = names::object)]
    pub(crate) name: Option<String>,
    /// Namespace that the items were sealed for, if a file has none
    #[arg(short, long, value_parser = names::namespace)]
    pub(crate) namespace: Option<String>,
    /// Certificate to seal for [default: the newest of the key Secrets, or else that of the project]
    #[arg(long, value_name = "FILE|URL", env = "MTK_SEAL_CERT", help_heading = "Certificate")]
    pub(crate) cert: Option<String>,
    /// Allow a certificate URL with plain HTTP
    #[arg(long, help_heading = "Certificate")]
    pub(crate) insecure_http: bool,
    #[command(flatten)]
    pub(crate) environment: EnvironmentArgs,
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

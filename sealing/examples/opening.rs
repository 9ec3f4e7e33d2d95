//! Measures the cost of opening an item, and of its RSA operation in the library.
//! `cargo xtask bench` runs it.
//!
//! With a number as the argument, it prints the nanoseconds that the library takes for this many
//! operations on all cores.

use std::error::Error;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::num::NonZero;
use std::thread;
use std::time::{Duration, Instant};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
    PrivateDecryptingKey, PublicEncryptingKey,
};
use jiff::{SignedDuration, Timestamp};
use sealing::{Item, KeyOptions, Scope, SealingKey, open};

/// The operations per measurement.
const OPERATIONS: u32 = 400;
/// The measurements of each, in turns. The best one counts.
const TURNS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let library = Library::new()?;
    if let Some(operations) = std::env::args().nth(1) {
        let elapsed = library.on_all_cores(operations.parse()?)?;
        writeln!(io::stdout(), "{}", elapsed.as_nanos())?;
        return Ok(());
    }
    let opener = Opener::new()?;
    let (mut rsa, mut opening) = (Duration::MAX, Duration::MAX);
    for _ in 0..TURNS {
        rsa = rsa.min(each(|| library.decrypt())?);
        opening = opening.min(each(|| opener.open())?);
    }
    let all = library.on_all_cores(OPERATIONS)? / OPERATIONS;
    writeln!(
        io::stdout(),
        "    RSA-4096 in the library: {rsa:.2?} on one core, {all:.2?} on all\n    \
         opening an item: {opening:.2?} on one core; the library does {:.0} % of it",
        100.0 * rsa.as_secs_f64() / opening.as_secs_f64(),
    )?;
    Ok(())
}

fn each(operation: impl Fn() -> Result<(), Box<dyn Error>>) -> Result<Duration, Box<dyn Error>> {
    let started = Instant::now();
    for _ in 0..OPERATIONS {
        operation()?;
    }
    Ok(started.elapsed() / OPERATIONS)
}

/// A key of the library, and a ciphertext for it.
struct Library {
    key: OaepPrivateDecryptingKey,
    text: Vec<u8>,
}

impl Library {
    fn new() -> Result<Library, Box<dyn Error>> {
        let private = PrivateDecryptingKey::generate(KeySize::Rsa4096)?;
        let public = private.public_key();
        let public = PublicEncryptingKey::from_der(public.as_der()?.as_ref())?;
        let public = OaepPublicEncryptingKey::new(public)?;
        let mut text = vec![0; public.ciphertext_size()];
        public.encrypt(&OAEP_SHA256_MGF1SHA256, &[7; 32], &mut text, None)?;
        Ok(Library { key: OaepPrivateDecryptingKey::new(private)?, text })
    }

    fn decrypt(&self) -> Result<(), Box<dyn Error>> {
        let mut buffer = [0; 512];
        black_box(self.key.decrypt(&OAEP_SHA256_MGF1SHA256, &self.text, &mut buffer, None)?);
        Ok(())
    }

    /// The time until all threads, one per core, have done this many operations together.
    fn on_all_cores(&self, operations: u32) -> Result<Duration, Box<dyn Error>> {
        let cores = u32::try_from(thread::available_parallelism().map_or(1, NonZero::get))?;
        let share = |core: u32| (operations + core) / cores;
        let started = Instant::now();
        let done = thread::scope(|scope| {
            let threads: Vec<_> = (0..cores)
                .map(|core| scope.spawn(move || (0..share(core)).all(|_| self.decrypt().is_ok())))
                .collect();
            threads.into_iter().all(|thread| thread.join().unwrap_or(false))
        });
        let elapsed = started.elapsed();
        if done { Ok(elapsed) } else { Err("an operation failed".into()) }
    }
}

/// A sealing key and an item for it.
struct Opener {
    key: SealingKey,
    item: Item,
}

impl Opener {
    fn new() -> Result<Opener, Box<dyn Error>> {
        let key = SealingKey::generate(&KeyOptions {
            bits: 4096,
            common_name: String::new(),
            not_before: Timestamp::now(),
            lifetime: SignedDuration::from_hours(24),
        })?;
        let certificate = key.certificate().ok_or("a certificate")?;
        let sealed =
            certificate.seal(&Opener::label(), b"a value of a usual length, of 40 bytes..")?;
        Ok(Opener { item: Item::parse(&sealed)?, key })
    }

    fn label() -> sealing::Label {
        Scope::Strict.label("bench", "item")
    }

    fn open(&self) -> Result<(), Box<dyn Error>> {
        black_box(open(&self.item, &Opener::label(), [&self.key])?);
        Ok(())
    }
}

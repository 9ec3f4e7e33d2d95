//! Every function charges in proportion to its work and memory, before or during it.

mod inputs;

use std::{
    cell::Cell,
    sync::LazyLock,
    time::{Duration, Instant},
};

use gotemplate::{
    Context, Dialect, Environment, Function, Limits, Parameter, SharedMemory, Template, Value,
};
use peak_alloc::PeakAlloc;
use rand::{SeedableRng as _, rngs::StdRng};

use self::inputs::{ITEM, Inputs, TEMPLATES, filled};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The length of the shorter input in bytes. The longer one is twice as long.
const LENGTH: usize = 8 << 10;

/// Twice the input may take this many times as long, unless twice as much is charged.
const MAX_RATIO: f64 = 2.5;

/// A shorter time is not judged. A function with quadratic time needs far longer.
const NOISE: Duration = Duration::from_millis(3);

/// A call that seems too slow is measured again with an input that was doubled this many times, because
/// other processes may disturb a measurement.
const DOUBLINGS: i32 = 3;

/// Quadratic time that is not noise with the longer input is at least this with the longest one.
const MIN_QUADRATIC: Duration = Duration::from_millis(30);

/// How often a call is measured. The shortest time counts.
const ATTEMPTS: usize = 8;

/// The bytes of memory that a charged byte covers, including those of the arguments: buffers double
/// while they grow.
const MEMORY_RATIO: usize = 3;

/// The memory of a call that needs no charge.
const SMALL: usize = 8 << 10;

/// The charge of a call, and its true cost.
struct Cost {
    steps: u64,
    bytes: usize,
    time: Duration,
    peak: usize,
}

/// The most bytes that are taken at the same time.
#[derive(Default)]
struct Memory {
    taken: Cell<usize>,
    most: Cell<usize>,
}

impl SharedMemory for Memory {
    fn take(&self, bytes: usize) -> bool {
        self.taken.set(self.taken.get() + bytes);
        self.most.set(self.most.get().max(self.taken.get()));
        true
    }

    fn give_back(&self, bytes: usize) {
        self.taken.set(self.taken.get() - bytes);
    }
}

fn environment<'e>(
    random: &'e mut StdRng,
    limits: Limits,
    memory: Option<&'e dyn SharedMemory>,
) -> Environment<'e> {
    let now = jiff::Timestamp::UNIX_EPOCH;
    Environment { now, random, limits, deadline_exceeded: &|| false, memory }
}

fn cost<T>(run: impl FnOnce(&mut Context<'_>) -> T) -> Cost {
    /// A meter takes so much at a time.
    const SHARE: usize = 64 << 10;
    let memory = Memory::default();
    let limits = Limits { steps: 100_000, bytes: 2 << 20, ..Limits::default() };
    let mut random = StdRng::seed_from_u64(1);
    let mut context = Context::new(environment(&mut random, limits, Some(&memory)));
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let started = Instant::now();
    let result = run(&mut context);
    let time = started.elapsed();
    drop(result);
    let peak = ALLOCATOR.peak_usage() - before;
    let (steps, bytes) = (context.meter.used_steps(), context.meter.used_bytes());
    // The bytes that were needed only during the call.
    let scratch = memory.most.get().saturating_sub(bytes + SHARE);
    Cost { steps, bytes: bytes + scratch, time, peak }
}

/// The CPU time of this thread, if the system reports it, so that other processes do not count. The
/// time is exact right after the thread has yielded.
fn processor_time() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    std::thread::yield_now();
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let running = statistics.split(' ').next().and_then(|nanoseconds| nanoseconds.parse().ok());
    running.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

/// The fault in the costs of `run`, which gets inputs of some length and of twice that length. `size` is
/// the number of bytes that an input was charged when it was made.
fn fault<I, T>(
    input: impl Fn(usize) -> I,
    size: impl Fn(&I) -> usize,
    run: impl Fn(&mut Context<'_>, &I) -> T,
) -> Option<String> {
    let measure = |input: &I| cost(|context| run(context, input));
    let (short, longer) = (input(LENGTH), input(2 * LENGTH));
    let Cost { bytes, peak, time, .. } = measure(&longer);
    let charged = bytes + size(&longer);
    if size(&longer) + peak > SMALL + MEMORY_RATIO * charged {
        return Some(format!("{peak} bytes of memory, {charged} charged"));
    }
    if time < NOISE || time.as_secs_f64() < MAX_RATIO * measure(&short).time.as_secs_f64() {
        return None;
    }
    let longest = input(LENGTH << DOUBLINGS);
    let shortest_time = |input| {
        let times = (0..ATTEMPTS).map(|_| {
            let started = processor_time();
            let steps = measure(input).steps;
            (processor_time().saturating_sub(started), steps)
        });
        times.min().unwrap_or_default()
    };
    let ((fast, few), (slow, many)) = (shortest_time(&short), shortest_time(&longest));
    let float = |steps: u64| f64::from(u32::try_from(steps).expect("the limit is small"));
    let charged = float(many) / float(few.max(1)) / f64::from(1 << DOUBLINGS);
    let allowed = fast.mul_f64(MAX_RATIO.powi(DOUBLINGS) * charged.max(1.0));
    (slow > allowed && slow > MIN_QUADRATIC)
        .then(|| format!("{fast:?}, then {slow:?}; {few}, then {many} steps charged"))
}

/// The bytes that values were charged at least when they were made.
fn size(values: &[Value]) -> usize {
    let size = |value: &Value| match value {
        Value::Text(text) => text.len(),
        Value::List(list) => size(&list.items()),
        Value::Map(map) => {
            map.entries().values().map(|value| size(std::slice::from_ref(value))).sum()
        }
        _ => 0,
    };
    size_of_val(values) + values.iter().map(size).sum::<usize>()
}

/// A function with more steps than this for small arguments is slow.
const SLOW: u64 = 100;

/// How many kinds of small arguments there are.
const KINDS: usize = 2;

/// A small argument.
fn small(parameter: Parameter, kind: usize, objects: &[Value]) -> Value {
    match parameter {
        Parameter::Any | Parameter::Text => Value::text(["a", ".*[^A-Z]|[A-Z]"][kind]),
        Parameter::Int => Value::Int([-1, 7][kind]),
        Parameter::Bool => Value::Bool(true),
        Parameter::Float => Value::Float(0.5),
        Parameter::Uint32 => Value::Uint64(1),
        Parameter::Map => Value::map([("a".into(), Value::text("b"))]),
        Parameter::List => Value::list(vec![Value::Int(1)]),
        Parameter::Object(_) => {
            let fits = objects.iter().find(|object| parameter.accepts(object));
            fits.expect("an object of each type").clone()
        }
    }
}

/// Calls a function with each argument in all shapes beside small ones, with all arguments in the same
/// shape, and with many small ones. Returns the faults.
fn faults(function: &'static Function, inputs: &Inputs, objects: &[Value]) -> Vec<String> {
    let least = (0..9).find(|count| function.takes(*count)).expect("no function needs more");
    let takes_more = function.takes(least + 1);
    let count = if takes_more { least + 1 } else { least };
    let shapes: Vec<_> =
        (0..count).map(|index| Inputs::shapes(function.parameter(index))).collect();
    // Keys and hashes of passwords take long with any arguments, and a function with `must` does
    // the same as the one without: a few shapes will do.
    let arguments: Vec<_> =
        (0..count).map(|index| small(function.parameter(index), 1, objects)).collect();
    let is_slow = cost(|context| function.call(context, &arguments)).steps > SLOW
        || function.name.starts_with("must");
    let (kinds, stride) = match count {
        _ if is_slow => (1, 9),
        0 | 1 => (1, 1),
        // Every third shape for each of several arguments.
        _ => (KINDS, 3),
    };
    let mut faults = Vec::new();
    let mut check = |what: &dyn Fn() -> String, arguments: &dyn Fn(usize) -> Vec<Value>| {
        let call =
            |context: &mut Context<'_>, arguments: &Vec<Value>| function.call(context, arguments);
        if let Some(fault) = fault(arguments, |values| size(values), call) {
            faults.push(format!("{}, {}: {fault}", function.name, what()));
        }
    };
    for kind in 0..kinds {
        let small = |index| small(function.parameter(index), kind, objects);
        for (large, shapes) in shapes.iter().enumerate() {
            for shape in shapes.iter().step_by(stride) {
                check(&|| format!("argument {large} is {shape:?}, kind {kind}"), &|length| {
                    let mut arguments: Vec<_> = (0..count).map(small).collect();
                    arguments[large] = inputs.get(*shape, length);
                    arguments
                });
            }
        }
        if takes_more {
            check(&|| format!("many arguments, kind {kind}"), &|length| {
                (0..length / ITEM).map(small).collect()
            });
        }
    }
    let longest = shapes.iter().map(Vec::len).max().filter(|_| count > 1);
    for index in (0..longest.unwrap_or(0)).step_by(stride) {
        check(&|| format!("all arguments, shape {index}"), &|length| {
            let argument = |at: usize| match &*shapes[at] {
                [] => small(function.parameter(at), 0, objects),
                shapes => inputs.get(shapes[index % shapes.len()], length),
            };
            (0..count).map(argument).collect()
        });
    }
    faults
}

#[test]
fn costs_of_functions_and_of_parsing_are_proportional_to_what_is_charged() {
    let dialects = [Dialect::go(), sprig::dialect(), sprig::external_secrets_dialect()];
    let functions = dialects.iter().flat_map(|dialect| {
        dialect.names().map(|name| dialect.function(name).expect("the dialect names it"))
    });
    let mut functions: Vec<_> = functions.collect();
    functions.sort_by_key(|function| (function.name, std::ptr::from_ref(*function)));
    functions.dedup_by(|first, other| std::ptr::eq(*first, *other));

    let mut random = StdRng::seed_from_u64(1);
    let mut context = Context::new(environment(&mut random, Limits::default(), None));
    let mut object = |name: &str, arguments: &[Value]| {
        let function = sprig::dialect().function(name).expect("a function of Sprig");
        function.call(&mut context, arguments).expect("an object")
    };
    let objects = [object("now", &[]), object("genCA", &[Value::text("a"), Value::Int(1)])];
    let inputs = Inputs::new(objects[0].clone());

    let mut all = Vec::new();
    for function in functions {
        all.extend(faults(function, &inputs, &objects));
    }
    for (index, shape) in TEMPLATES.iter().enumerate() {
        let dialect = sprig::dialect();
        let parse = |context: &mut Context<'_>, text: &String| {
            Template::parse_within(&mut context.meter, "t", text, &dialect)
        };
        let fault = fault(|length| filled(*shape, length), String::len, parse);
        all.extend(fault.map(|fault| format!("template {:?}: {fault}", TEMPLATES[index])));
    }
    all.extend(fault_of_ranges());
    assert!(all.is_empty(), "{}", all.join("\n"));
}

/// The fault in the costs of a constraint with many ranges. The inputs of the other calls are too short to show
/// that the text is copied for each of them.
fn fault_of_ranges() -> Option<String> {
    let compare = sprig::dialect().function("semverCompare").expect("a function of Sprig");
    let time = |length: usize| {
        let constraint = filled(("", "1.0.# - 2.0.# ", ">1"), length);
        let arguments = [Value::text(constraint), Value::text("1.2.3")];
        let mut random = StdRng::seed_from_u64(1);
        let limits = Limits { bytes: 64 << 20, ..Limits::default() };
        let mut context = Context::new(environment(&mut random, limits, None));
        let started = processor_time();
        compare.call(&mut context, &arguments).expect("the constraint is valid");
        processor_time().saturating_sub(started)
    };
    let shortest = |length| (0..3).map(|_| time(length)).min().unwrap_or_default();
    let (short, long) = (shortest(128 << 10), shortest(512 << 10));
    let is_quadratic = long > short.mul_f64(8.0);
    is_quadratic
        .then(|| format!("semverCompare, ranges: {short:?}, and {long:?} for four times the text"))
}

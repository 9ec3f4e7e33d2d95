//! Connections to the endpoints, limited in number and time: any Pod of the cluster may open them.

use std::{net::IpAddr, pin::pin, time::Duration};

use axum::{Router, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tower::ServiceExt as _;

use super::{
    caller::{Caller, Client},
    slots::Slots,
};
use crate::runtime::stopped;

/// How long a client may take to send the header of its request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Open connections of one port. More are closed at once.
const MAX_CONNECTIONS: usize = 256;
/// Open connections of one caller, so that one Pod cannot exclude the kubelet.
const MAX_CONNECTIONS_PER_CALLER: usize = 32;
/// The pause after an error such as too many open files.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_secs(1);

/// The flags for a connection. It serves one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// How long a client may take to send a request.
    pub(crate) read: Duration,
    /// How long a response may take, from the end of the request's header.
    pub(crate) write: Duration,
}

/// Serves connections until `stop` turns true. Then it accepts no more, and waits for the open ones.
pub(super) async fn accept(
    listener: TcpListener,
    router: Router,
    tls: Option<TlsAcceptor>,
    timeouts: Timeouts,
    stop: watch::Receiver<bool>,
) {
    let open = slots();
    let mut tasks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(stop.clone()) => break,
        };
        while tasks.try_join_next().is_some() {}
        let Ok((stream, client)) = accepted else {
            tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            continue;
        };
        let client = client.ip();
        if let Some(slot) = open.take(&Caller::of(client)) {
            let (router, tls, stop) = (router.clone(), tls.clone(), stop.clone());
            tasks.spawn(async move {
                match tls {
                    None => serve(stream, client, router, timeouts, stop).await,
                    Some(tls) => {
                        if let Some(stream) = handshake(&tls, stream, timeouts).await {
                            serve(stream, client, router, timeouts, stop).await;
                        }
                    }
                }
                drop(slot);
            });
        }
    }
    // New connections are refused, so that clients try another replica.
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

/// None if the client does not speak TLS, or is too slow.
async fn handshake(
    tls: &TlsAcceptor,
    stream: TcpStream,
    timeouts: Timeouts,
) -> Option<TlsStream<TcpStream>> {
    let timeout = timeouts.read.min(HEADER_TIMEOUT);
    tokio::time::timeout(timeout, tls.accept(stream)).await.ok()?.ok()
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    client: IpAddr,
    router: Router,
    timeouts: Timeouts,
    stop: watch::Receiver<bool>,
) {
    let header_timeout = timeouts.read.min(HEADER_TIMEOUT);
    let (request_begun, mut begun) = watch::channel(false);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request_begun.send_replace(true);
        request.extensions_mut().insert(Client(client));
        router.clone().oneshot(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(header_timeout).keep_alive(false);
    let connection = http.serve_connection(TokioIo::new(stream), service);
    let expired = async {
        let _ = tokio::time::timeout(header_timeout, begun.wait_for(|begun| *begun)).await;
        tokio::time::sleep(timeouts.write).await;
    };
    let served = async {
        let mut connection = pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => return,
            () = stopped(stop) => {}
        }
        // Ends a connection on which no request has begun.
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    };
    // Ignore clients that disconnect or are too slow.
    tokio::select! {
        () = served => {}
        () = expired => {}
    }
}

fn slots() -> Slots<Caller> {
    Slots::new(MAX_CONNECTIONS, MAX_CONNECTIONS_PER_CALLER)
}

#[cfg(test)]
mod tests {
    use std::{
        net::{Ipv4Addr, SocketAddr},
        sync::{Arc, Mutex, Weak},
    };

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::http::body::holding;

    async fn server() -> (SocketAddr, watch::Sender<bool>, JoinSet<()>) {
        serving(Router::new().route("/", get(async || "ok\n"))).await
    }

    async fn serving(router: Router) -> (SocketAddr, watch::Sender<bool>, JoinSet<()>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, router, None, TIMEOUTS, stopped));
        (address, stop, tasks)
    }

    async fn answer(mut stream: TcpStream, request: &str) -> String {
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let read = tokio::time::timeout(2 * HEADER_TIMEOUT, read).await;
        let _ = read.expect("the server closes the connection");
        String::from_utf8(answer).unwrap()
    }

    const TIMEOUTS: Timeouts =
        Timeouts { read: Duration::from_mins(2), write: Duration::from_mins(2) };
    const REQUEST: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    #[tokio::test(start_paused = true)]
    async fn client_that_never_ends_its_header_is_disconnected() {
        let (address, _stop, _server) = server().await;
        let stream = TcpStream::connect(address).await.unwrap();
        let answered = answer(stream, "GET / HTTP/1.1\r\n").await;
        assert!(!answered.contains("200 OK"), "{answered}");
        let stream = TcpStream::connect(address).await.unwrap();
        assert!(answer(stream, REQUEST).await.ends_with("ok\n"));
    }

    #[tokio::test]
    async fn one_client_holds_a_few_connections_at_most() {
        let (address, _stop, _server) = server().await;
        let mut held = Vec::new();
        for _ in 0..MAX_CONNECTIONS_PER_CALLER {
            held.push(TcpStream::connect(address).await.unwrap());
        }
        let stream = TcpStream::connect(address).await.unwrap();
        assert_eq!(answer(stream, REQUEST).await, "");
        assert!(answer(held.pop().unwrap(), REQUEST).await.ends_with("ok\n"));
    }

    #[test]
    fn addresses_of_one_ipv6_host_share_its_connections() {
        let open = slots();
        let take = |address: String| open.take(&Caller::of(address.parse().unwrap()));
        let held: Vec<_> = (0..MAX_CONNECTIONS_PER_CALLER)
            .map(|number| take(format!("2001:db8::{number:x}")))
            .collect();
        assert!(held.iter().all(Option::is_some));
        assert!(take("2001:db8::ffff:1".into()).is_none());
        assert!(take("2001:db8:0:1::1".into()).is_some(), "another network");
    }

    #[tokio::test]
    async fn request_that_began_is_answered_before_the_end() {
        let (begun, mut has_begun) = watch::channel(false);
        let (finish, finished) = watch::channel(false);
        let slow = get(move || {
            let finished = finished.clone();
            begun.send_replace(true);
            async {
                stopped(finished).await;
                "done\n"
            }
        });
        let (address, stop, mut server) = serving(Router::new().route("/", slow)).await;
        let _idle = TcpStream::connect(address).await.unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(REQUEST.as_bytes()).await.unwrap();
        has_begun.wait_for(|begun| *begun).await.unwrap();
        stop.send_replace(true);
        finish.send_replace(true);
        assert!(answer(stream, "").await.ends_with("done\n"));
        let ended = tokio::time::timeout(HEADER_TIMEOUT / 2, server.join_next()).await;
        ended.expect("an idle connection delays nothing").unwrap().unwrap();
        TcpStream::connect(address).await.unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn response_that_takes_too_long_ends_the_connection() {
        let endless = get(async || std::future::pending::<&str>().await);
        let (address, _stop, _server) = serving(Router::new().route("/", endless)).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(REQUEST.as_bytes()).await.unwrap();
        let started = tokio::time::Instant::now();
        let read = stream.read_to_end(&mut Vec::new()).await;
        let waited = started.elapsed();
        assert!(read.is_ok_and(|bytes| bytes == 0) && waited >= TIMEOUTS.write, "{waited:?}");
        assert!(waited < TIMEOUTS.write + 2 * HEADER_TIMEOUT, "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn response_that_is_read_too_slowly_is_dropped() {
        let sent = Arc::new(Mutex::new(Weak::new()));
        let sending = sent.clone();
        let large = get(async move || {
            let held = Arc::new(());
            *sending.lock().unwrap() = Arc::downgrade(&held);
            holding("x".repeat(64 << 20), held)
        });
        let is_held = || sent.lock().unwrap().strong_count() == 1;
        let (address, _stop, _server) = serving(Router::new().route("/", large)).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(REQUEST.as_bytes()).await.unwrap();
        let mut begin = [0; 1024];
        stream.read_exact(&mut begin).await.unwrap();
        assert!(is_held(), "the socket does not take all of it");
        tokio::time::sleep(TIMEOUTS.write + 2 * HEADER_TIMEOUT).await;
        assert!(!is_held());
    }
}

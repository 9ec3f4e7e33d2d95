//! Connections to the endpoints, limited in number and time: any Pod of the cluster may open them.

use std::{
    collections::HashMap,
    net::IpAddr,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// How long a client may take to send its request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may last. It serves one request.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);
/// Open connections of one port. More are closed at once.
const MAX_CONNECTIONS: usize = 256;
/// Open connections of one client, so that one Pod cannot exclude the kubelet.
const MAX_CONNECTIONS_PER_CLIENT: usize = 32;
/// The pause after an error such as too many open files.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_secs(1);

/// The number of open connections by client.
#[derive(Clone, Default)]
struct OpenConnections(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One open connection.
struct Slot {
    all: OpenConnections,
    client: IpAddr,
}

/// Serves connections until `stop` turns true. Then it accepts no more, and waits for the open ones.
pub(super) async fn accept(listener: TcpListener, router: Router, stop: watch::Receiver<bool>) {
    let (open, mut tasks) = (OpenConnections::default(), JoinSet::new());
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
        if let Some(slot) = open.take(client.ip()) {
            tasks.spawn(serve(stream, router.clone(), slot, stop.clone()));
        }
    }
    // New connections are refused, so that clients try another replica.
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

async fn serve(stream: TcpStream, router: Router, slot: Slot, stop: watch::Receiver<bool>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).keep_alive(false);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // Ignore clients that disconnect or are too slow.
    let _ = tokio::time::timeout(CONNECTION_TIMEOUT, async {
        let mut connection = pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => return,
            () = stopped(stop) => {}
        }
        // Ends a connection on which no request has begun.
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    })
    .await;
    drop(slot);
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the sender was dropped, which also means stop.
    let _ = stop.wait_for(|stop| *stop).await;
}

impl OpenConnections {
    fn take(&self, client: IpAddr) -> Option<Slot> {
        let mut open = self.lock();
        let all: usize = open.values().sum();
        let own = open.entry(client).or_default();
        if all >= MAX_CONNECTIONS || *own >= MAX_CONNECTIONS_PER_CLIENT {
            if *own == 0 {
                open.remove(&client);
            }
            return None;
        }
        *own += 1;
        Some(Slot { all: self.clone(), client })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.all.lock();
        if let Some(own) = open.get_mut(&self.client) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn server() -> (SocketAddr, watch::Sender<bool>, JoinSet<()>) {
        serving(Router::new().route("/", get(async || "ok\n"))).await
    }

    async fn serving(router: Router) -> (SocketAddr, watch::Sender<bool>, JoinSet<()>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, router, stopped));
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
        for _ in 0..MAX_CONNECTIONS_PER_CLIENT {
            held.push(TcpStream::connect(address).await.unwrap());
        }
        let stream = TcpStream::connect(address).await.unwrap();
        assert_eq!(answer(stream, REQUEST).await, "");
        assert!(answer(held.pop().unwrap(), REQUEST).await.ends_with("ok\n"));
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

    #[test]
    fn connections_of_all_clients_are_limited() {
        let open = OpenConnections::default();
        let client = |number: u32| IpAddr::from(Ipv4Addr::from(number));
        let connections = 0..u32::try_from(2 * MAX_CONNECTIONS).unwrap();
        let mut slots: Vec<_> =
            connections.filter_map(|number| open.take(client(number))).collect();
        assert_eq!(slots.len(), MAX_CONNECTIONS);
        slots.pop();
        assert!(open.take(client(1000)).is_some());
    }
}

internal import Dispatch
internal import Glibc

/// SIGINT and SIGTERM as an event instead of an end.
enum Interruption {
    /// Calls `handle` for each one as long as what is returned lives.
    static func observe(_ handle: @escaping @Sendable () -> Void) -> [any DispatchSourceSignal] {
        [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler(handler: handle)
            source.resume()
            return source
        }
    }

    /// Returns at the first one.
    static func wait() async {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        let sources = observe { continuation.yield() }
        for await _ in stream { break }
        for source in sources { source.cancel() }
    }
}

internal import GatewayCore
internal import Logging

/// Logs to standard error, one line an event, whatever stands in it: texts of the homeserver, of rooms, of devices.
struct LineLogHandler: LogHandler {
    private var stream: StreamLogHandler

    init(label: String) {
        stream = StreamLogHandler.standardError(label: label)
    }

    var logLevel: Logger.Level {
        get { stream.logLevel }
        set { stream.logLevel = newValue }
    }

    var metadata: Logger.Metadata {
        get { stream.metadata }
        set { stream.metadata = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { stream[metadataKey: key] }
        set { stream[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) {
        var event = event
        event.message = "\(event.message.description.onOneLine)"
        event.metadata = event.metadata?.mapValues { "\($0.description.onOneLine)" }
        stream.log(event: event)
    }
}

internal import LinkModel
internal import Links

extension DeviceProfile {
    /// What cannot be, whatever the examples say: the section, its key and why. nil: nothing.
    var impossibility: (section: String, key: String, problem: String)? {
        let mtu = min(link.link.up.mtu, link.link.down.mtu)
        if security.pattern.shakesHands, mtu < MessageBytes.handshakeMTU {
            return (
                "security", "pattern",
                "\(security.pattern.rawValue) shakes hands, handshakes never fragment, and \(link.name) carries \(mtu) bytes, "
                    + "less than \(MessageBytes.handshakeMTU): only a provisioned session works"
            )
        }
        for example in payload.examples.isEmpty ? [nil] : payload.examples.map(Optional.some) {
            let bytes = messageBytes(of: example)
            let which = example.map { "the example in line \($0.line)" } ?? "a reading"
            if bytes.up > link.link.up.mtu {
                return (
                    "payload", "codec",
                    "\(which) needs \(bytes.sumUp) bytes, and \(link.name) carries \(link.link.up.mtu) up"
                )
            }
            if bytes.down > link.link.down.mtu {
                return (
                    "payload", "codec",
                    "an answer needs \(bytes.sumDown) bytes, and \(link.name) carries \(link.link.down.mtu) down"
                )
            }
            if let most = limits.messageBytes, bytes.body > most {
                return ("limits", "message_bytes", "\(which) has \(bytes.body) bytes, more than \(most)")
            }
            for band in link.link.up.bands {
                let airtime = link.link.up.framing.duration(of: bytes.up)
                guard let duty = band.duty, airtime > duty.allowance else { continue }
                return (
                    "payload", "codec",
                    "\(which) is on the air for \(Figure.seconds(airtime)), and the band \(band.name) never allows more than "
                        + "\(Figure.seconds(duty.allowance)) in \(Figure.seconds(duty.window))"
                )
            }
            if let windows = link.link.windows, link.link.up.framing.duration(of: bytes.up) > windows.longest {
                return ("payload", "codec", "\(which) takes longer than the longest window of \(link.name)")
            }
        }
        if let wanted = limits.messagesPerHour, let interval = power.interval {
            let sent = 3_600_000_000_000 / max(1, interval)
            if sent > Int64(wanted) {
                return (
                    "power", "interval_s",
                    "makes \(sent) messages an hour, more than limits.messages_per_hour: \(wanted)"
                )
            }
        }
        if let interval = power.interval {
            let daily = DailyLimits(bytes: messageBytes, profile: self)
            let sent = 86_400_000_000_000 / max(1, interval)
            if let least = daily.strictest, sent > Int64(least.messages) {
                return (
                    "power", "interval_s",
                    "makes \(sent) messages a day, and \(least.why) allows \(least.messages)"
                )
            }
        }
        return nil
    }
}

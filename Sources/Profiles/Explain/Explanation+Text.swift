extension Explanation {
    /// Lines for a person.
    public var text: String {
        func time(_ seconds: Double) -> String { Figure.seconds(Int64(seconds * 1e9)) }
        var lines = ["\(name)\(description.isEmpty ? "" : ": \(description)")"]
        func add(_ label: String, _ text: String) {
            lines.append("  " + label + String(repeating: " ", count: max(1, 18 - label.count)) + text)
        }
        if kind == "device" { add("link", link) }
        if let security { add("security", security) }
        add("carries", carriesUDP ? "UDP: runs as it is" : "not UDP: needs \(adapter ?? "an adapter")")
        if !allowsEncryption { add("encryption", "forbidden by the rules of amateur radio in most countries") }
        if let problem { add("CANNOT RUN", problem) }
        add("message", "\(bytesSum) bytes up, \(bytesDown) bytes of answer (the link carries \(mtuUp) and \(mtuDown))")
        if let handshakeUp, let handshakeDown {
            add("with a handshake", "\(handshakeUp) bytes up, \(handshakeDown) down")
        }
        add("time on air", "\(time(airtimeUp)) up, \(time(airtimeDown)) down")
        add("in the idle", "arrives after \(time(arrives)), is acknowledged after \(time(acknowledged))")
        if let lossUpPercent, let lossDownPercent {
            add("losses", "\(Figure.short(lossUpPercent)) % up, \(Figure.short(lossDownPercent)) % down")
        }
        add(
            "ACK_TIMEOUT",
            "\(time(ackTimeout)) to \(time(ackTimeoutMost)), after the last bit has left; NSTART \(nstart)")
        add(
            "repetitions",
            "\(maxRetransmit), the last after \(time(maxTransmitSpan)); given up after \(time(maxTransmitWait))")
        add(
            "lifetimes",
            "MAX_LATENCY \(time(maxLatency)), EXCHANGE_LIFETIME \(time(exchangeLifetime)), NON_LIFETIME \(time(nonLifetime))"
        )
        add("messages a day", "\(messagesPerDay) at most")
        for limit in limits.sorted(by: { $0.messages < $1.messages }) {
            lines.append("    \(limit.messages) by \(limit.why)")
        }
        if let energy { lines += text(of: energy) }
        if !unverified.isEmpty { add("not verified", unverified.joined(separator: ", ")) }
        for note in notes { add("note", note) }
        return lines.joined(separator: "\n")
    }

    private func text(of energy: Energy) -> [String] {
        let parts = [
            ("sending", energy.transmit), ("listening", energy.receive), ("waiting", energy.standby),
            ("processor", energy.processor), ("given", energy.given),
        ].filter { $0.1 > 0 }.map { "\($0.0) \(Figure.short($0.1))" }
        var lines = [
            "  energy            \(Figure.short(energy.perMessage)) mJ a message (\(parts.joined(separator: ", ")))"
        ]
        guard let ideal = energy.idealYears, let derated = energy.deratedYears, let copies = energy.copiesPerMessage
        else {
            return lines
        }
        func years(_ years: Double) -> String {
            if years < 1 { return "\(Figure.short(years * 365.25)) days" }
            guard years > 10 else { return "\(Figure.short(years)) years" }
            return "more than 10 years, limited by the cell (\(Figure.short(years)) by the sum)"
        }
        lines.append("  battery           ideal: \(years(ideal))")
        lines.append(
            "                    de-rated: \(years(derated)), with \(Figure.short(copies)) copies a message and what is left in cold and age"
        )
        return lines
    }
}

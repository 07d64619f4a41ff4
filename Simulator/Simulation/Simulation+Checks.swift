internal import CompactMatrix
internal import DeviceClient
internal import LinkModel
internal import Links
internal import SecureDatagram

extension Simulation {
    /// What no run has to show: a payload that no datagram carries, airtime that no duty cycle allows, passes that are too
    /// short.
    func checkWhatCannotWork() throws(ScenarioProblem) {
        for (number, group) in scenario.devices.enumerated() {
            let link = scenario.links[group.link].link
            if group.stack == .sotto, !group.isProvisioned(on: link),
                min(link.up.mtu, link.down.mtu) < DeviceGroup.handshakeMTU
            {
                throw ScenarioProblem(
                    group,
                    "handshakes never fragment and need \(DeviceGroup.handshakeMTU) bytes, and the link carries "
                        + "\(min(link.up.mtu, link.down.mtu)): provisioned: true gives it a session without one")
            }
            for traffic in group.traffic {
                var longest = length(of: traffic.content)
                switch group.stack {
                case .datagrams(let stack):
                    longest += stack.handshakeUp
                    guard longest <= link.up.mtu else {
                        throw ScenarioProblem(
                            group,
                            "a datagram of \(longest) bytes is longer than the \(link.up.mtu) that the link carries")
                    }
                case .sotto:
                    let body = traffic.content.uplink.body.count
                    guard let node = devices.first(where: { $0.group == number }), let identity = node.identity,
                        let machine = try? DeviceNode.Machine(
                            identity: identity, link: link.timing, state: node.state,
                            entropy: SeededEntropy(seed: 0, purpose: 0), now: 0)
                    else { continue }
                    guard body <= machine.largestBody else {
                        throw ScenarioProblem(
                            group,
                            "a message of \(body) bytes does not fit: over this link, with datagrams of \(link.up.mtu) bytes, "
                                + "a gateway takes at most \(machine.largestBody)")
                    }
                    longest = min(body, machine.largestMessage) + (link.up.mtu - machine.largestMessage)
                }
                try check(longest, group, link)
            }
        }
    }

    private func check(_ bytes: Int, _ group: DeviceGroup, _ link: RadioLink) throws(ScenarioProblem) {
        let duration = link.up.framing.duration(of: min(bytes, link.up.mtu))
        let allowances = link.up.bands.map { $0.duty?.allowance ?? .max }
        if let most = allowances.max(), duration > most {
            throw ScenarioProblem(
                group,
                "\(bytes) bytes take \(duration / 1_000_000) ms on the air, and the duty cycle never allows more than "
                    + "\(most / 1_000_000) ms")
        }
        if let windows = link.windows, windows.longest < duration {
            throw ScenarioProblem(
                group,
                "\(bytes) bytes take \(duration / 1_000_000) ms, and the longest pass has \(windows.longest / 1_000_000) ms"
            )
        }
        if let quota = link.up.quota, quota.datagrams == 0 {
            throw ScenarioProblem(group, "the link's quota allows no datagram at all")
        }
    }
}

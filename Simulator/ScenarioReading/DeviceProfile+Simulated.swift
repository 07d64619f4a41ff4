internal import CompactMatrix
internal import LinkModel
public import Profiles
public import Simulation

extension InstalledProfiles {
    /// The device profile that `key` names; nil where it is absent.
    func device(from section: YAMLSection, key: String) throws(FieldError) -> DeviceProfile? {
        guard let text = try section.string(key) else { return nil }
        let path: String
        do {
            path = try file(text, .devices, relativeTo: section.resolve("."))
        } catch {
            throw section.failure(key, "\(section.shown(text)): \(error.problem)")
        }
        return try DeviceProfile.load(path, self)
    }
}

/// A profile as the simulator takes it.
extension DeviceProfile {
    /// What its first example measures; without examples a text of 12 bytes, or a template's lowest values.
    var simulatedContent: DeviceGroup.Content {
        let example = payload.examples.first
        switch payload.codec {
        case .cbor: return example.map { .reading($0.values) } ?? .text(11)
        case .template(let template):
            return .packed(example?.bytes ?? [UInt8](repeating: 0, count: template.byteCount))
        }
    }

    var simulatedTemplate: PayloadTemplate? {
        if case .template(let template) = payload.codec { template } else { nil }
    }

    /// nil: it sends when something happens, and nobody says when.
    var simulatedTraffic: DeviceGroup.Traffic? {
        power.interval.map { DeviceGroup.Traffic(.periodic(every: $0, jitter: 0), simulatedContent) }
    }

    /// nil: its battery or its currents are not given.
    var simulatedPower: DeviceGroup.Power? {
        guard let currents = power.currents, let battery = power.battery else { return nil }
        func micro(_ milli: Double) -> Int64 { Int64((milli * 1000).rounded()) }
        return DeviceGroup.Power(
            millivolts: micro(battery.volts), transmitting: micro(currents.transmit),
            receiving: micro(currents.receive),
            sleeping: Int64(currents.sleepMicroamperes.rounded()), alwaysListens: power.listening == .always,
            battery: Int64(battery.capacity), usablePercent: Int64(battery.usablePercent))
    }

    /// One such device for a day, or for as long as a hundred of its messages take.
    public var ownScenario: Scenario? {
        guard let traffic = simulatedTraffic, let interval = power.interval else { return nil }
        let day: Int64 = 86_400_000_000_000
        return Scenario(
            name: about.name, duration: max(day, interval * 100),
            links: [.init(name: link.name, link: link.link)],
            devices: [
                DeviceGroup(
                    name: "device", traffic: [traffic], power: simulatedPower,
                    isProvisioned: security.pattern == .provisioned, template: simulatedTemplate)
            ])
    }

    /// Runs the scenarios of the profile's `test` section with each of its seeds; without a scenario its own. What does
    /// not come out as it says.
    ///
    /// - Parameter file: what errors name.
    public func scenarioFailures(file: String, _ installed: InstalledProfiles) -> [FieldError] {
        guard !test.scenarios.isEmpty || !test.seeds.isEmpty || test.latency95 != nil else { return [] }
        func failure(_ key: String, _ problem: String) -> FieldError {
            FieldError(
                file: file, line: test.lines[key] ?? test.lines.values.min(), field: "test.\(key)", problem: problem)
        }
        var scenarios: [Scenario] = []
        do throws(FieldError) {
            for path in test.scenarios { scenarios.append(try Scenario.load(path, profiles: installed)) }
        } catch {
            return [failure("scenarios", error.description)]
        }
        if scenarios.isEmpty {
            guard let own = ownScenario else {
                return [
                    failure(
                        test.latency95 == nil ? "seeds" : "p95_latency_s",
                        "is of no use without test.scenarios or power.interval_s: nothing says when the device sends")
                ]
            }
            scenarios = [own]
        }
        var failures: [FieldError] = []
        for scenario in scenarios {
            for seed in test.seeds.isEmpty ? [scenario.seed] : test.seeds {
                var seeded = scenario
                seeded.seed = seed
                if let (key, problem) = problem(in: seeded) {
                    failures.append(failure(key, "\(problem) (\(scenario.name), seed \(seed))"))
                }
            }
        }
        return failures
    }

    private func problem(in scenario: Scenario) -> (key: String, problem: String)? {
        let simulation: Simulation
        do throws(ScenarioProblem) {
            simulation = try Simulation(scenario)
        } catch {
            return ("scenarios", error.description)
        }
        simulation.run(until: .max)
        simulation.finish()
        guard simulation.summary.tallies.allSatisfy({ $0.isBalanced }) else {
            return ("scenarios", "datagrams and their fates do not add up: this is a fault of the simulator")
        }
        guard simulation.summary.refused == 0 else {
            return ("scenarios", "the gateway refuses \(simulation.summary.refused) messages")
        }
        guard let latency95 = test.latency95 else {
            return simulation.summary.journalled.isEmpty ? ("scenarios", "no message reaches the gateway") : nil
        }
        // Of those that had the time; what never comes is late.
        let latencies = simulation.latencies(ofMessagesUntil: scenario.duration - latency95).map { $0 ?? .max }.sorted()
        guard !latencies.isEmpty else { return ("p95_latency_s", "no message has so much time in the scenario") }
        let measured = latencies[min(latencies.count - 1, latencies.count * 95 / 100)]
        guard measured > latency95 else { return nil }
        let (expected, late) = (seconds(latency95), latencies.filter { $0 > latency95 }.count)
        let what = measured == .max ? "more than one in twenty never comes" : "it takes \(seconds(measured)) s"
        return ("p95_latency_s", "\(expected) s are expected, and \(what); \(late) of \(latencies.count) are later")
    }

    private func seconds(_ nanoseconds: Int64) -> String {
        let tenths = (nanoseconds + 50_000_000) / 100_000_000
        return "\(tenths / 10).\(tenths % 10)"
    }
}

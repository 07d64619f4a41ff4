import CoAP
import Testing

@Suite("Two endpoints over a link that loses, doubles and reorders")
struct LossyLinkTests {
    @Test("each request is handled once at most, and answered by its own answer or failed, exactly once")
    func schedules() {
        var faults: [String] = []
        var answered = 0
        var failed = 0
        var delivered = 0
        var repetitions = 0
        for seed in 0..<2_000 {
            var conversation = Conversation(seed: UInt64(seed))
            conversation.run()
            for fault in Set(conversation.faults) { faults.append("seed \(seed): \(fault)") }
            answered += conversation.requestsAnswered
            failed += conversation.requestsFailed
            delivered += conversation.notificationsDelivered
            repetitions += conversation.repetitions
        }
        #expect(faults == [])
        // That all of it has happened, in earnest numbers.
        #expect(answered > 5_000)
        #expect(failed > 400)
        #expect(delivered > 800)
        #expect(repetitions > 5_000)
    }
}

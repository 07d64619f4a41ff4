internal import Foundation
public import LinkModel

extension LossModel {
    /// The share of frames of one kind that get lost; nil: a trace of times, of which nothing can be said beforehand.
    ///
    /// - Parameters:
    ///   - duration: of the frame, in nanoseconds: outages hit long ones more often.
    ///   - bytes: in it, for bit errors.
    public func expectedLoss(duration: Int64, bytes: Int) -> Double? {
        switch self {
        case .none: return 0
        case .bernoulli(let share): return Double(share) / 1e6
        case .bitErrors(let perTrillion):
            return -expm1(Double(8 * bytes) * log1p(-min(1, Double(perTrillion) / 1e12)))
        case .outages(let outages):
            let bad = Double(min(outages.averagePerMillion, 999_999)) / 1e6
            // Exponentially distributed: it begins in a good time, and that lasts for as long as the frame does.
            let meanGood = bad > 0 ? Double(outages.meanOutage) * (1 - bad) / bad : .infinity
            let untouched = (1 - bad) * exp(-Double(duration) / meanGood)
            return (1 - untouched) * Double(outages.lossWithinPerMillion) / 1e6
                + untouched * Double(outages.lossOutsidePerMillion) / 1e6
        case .gilbertElliott(let chain):
            let bad = chain.p + chain.r == 0 ? 0 : Double(chain.p) / (Double(chain.p) + Double(chain.r))
            return bad * Double(chain.lossBad) / 1e6 + (1 - bad) * Double(chain.lossGood) / 1e6
        case .frames(let signs): return signs.isEmpty ? 0 : Double(signs.filter { $0 }.count) / Double(signs.count)
        case .intervals: return nil
        }
    }
}

extension RadioLink.Direction {
    /// Of a datagram with so many bytes.
    func expectedLoss(of bytes: Int) -> Double? {
        loss.expectedLoss(duration: framing.duration(of: bytes), bytes: bytes + framing.overheadBytes)
    }
}

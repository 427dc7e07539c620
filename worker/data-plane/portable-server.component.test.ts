import { describeDataPlane } from './data-plane.contract.ts';
import { describeDataPlaneLimits } from './data-plane-limits.contract.ts';

describeDataPlane('portable', true);
describeDataPlaneLimits('portable', true);

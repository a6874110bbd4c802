/** How long the last step of a series is, in words. */
export const lately = ({ hours }) => (hours === 1 ? 'in the last minute' : 'in the last ten minutes');
